"""`log:`: the mail lies in a file that its owner alone can read, and the log says where."""

import logging
import os
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from app.mail.errors import Postponed
from app.mail.files import MailFiles
from tests.mail.posting import ADDRESS, BASE, TOKEN, mail


def now() -> datetime:
    return datetime.now(UTC)


def test_a_mail_lies_whole_in_a_file_of_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    before = os.umask(0)
    try:
        MailFiles(folder).send(mail(name="Jo Müller"), now())
    finally:
        os.umask(before)
    (file,) = folder.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("mail1.eml", 0o600)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert f"\n{BASE}/auth/reset/{TOKEN}\r\n".encode() in file.read_bytes()  # to be copied
    assert message_from_bytes(file.read_bytes())["To"] == ADDRESS


def test_the_log_names_the_file_and_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        MailFiles(tmp_path / "mail").send(mail(), now())
    assert str(tmp_path / "mail" / "mail1.eml") in caplog.text
    assert "STRONGROOM_MAIL" in caplog.text
    assert TOKEN not in caplog.text
    assert ADDRESS not in caplog.text


def test_it_is_gone_after_two_hours(tmp_path: Path) -> None:
    files = MailFiles(tmp_path / "mail")
    files.sweep(now())  # where there is no folder yet
    files.send(mail(), now())
    files.sweep(now() + timedelta(hours=1, minutes=59))
    assert len(list((tmp_path / "mail").iterdir())) == 1
    files.sweep(now() + timedelta(hours=2, seconds=5))
    assert list((tmp_path / "mail").iterdir()) == []


def test_a_try_that_was_killed_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    (folder / ".mail1.eml").symlink_to(elsewhere)
    MailFiles(folder).send(mail(), now())
    MailFiles(folder).send(mail(), now())
    assert [file.name for file in folder.iterdir()] == ["mail1.eml"]
    assert not elsewhere.exists()


def test_a_folder_that_can_not_be_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file")
    with pytest.raises(Postponed) as caught:
        MailFiles(tmp_path / "mail").send(mail(), now())
    assert (caught.value.reason, caught.value.for_all) == ("disk", True)
