"""The filters of RFC 7644, section 3.4.2.2, as queries about a user who fits them or does not."""

import pytest

from tests.scim.served import ENTERPRISE, USER, Provider, name_of

_FILTERS = {
    'userName eq "<name>"': True,
    'USERNAME EQ "<NAME>"': True,
    'name.familyName co "O\'Malley"': False,
    'name.familyName co "ens"': True,
    'userName sw "<first>"': True,
    f'{USER}:userName sw "<first>"': True,
    "title pr": True,
    "nickName pr": False,
    'meta.lastModified gt "2011-05-13T04:42:34Z"': True,
    'meta.lastModified ge "2011-05-13T04:42:34Z"': True,
    'meta.lastModified lt "2011-05-13T04:42:34Z"': False,
    'meta.lastModified le "2011-05-13T06:42:34+02:00"': False,
    'title pr and userType eq "Employee"': True,
    'title pr or userType eq "Intern"': True,
    f'schemas eq "{ENTERPRISE}"': True,
    'userType eq "Employee" and (emails co "scim.example" or emails.value co "example.org")': True,
    'userType ne "Employee" and not (emails co "scim.example" or emails.value co "x.org")': False,
    'userType eq "Employee" and (emails.type eq "work")': True,
    'userType eq "Employee" and emails[type eq "work" and value co "@scim.example"]': True,
    'emails[type eq "x" and value co "@"] or ims[type eq "xmpp" and value co "@foo.example"]': True,
    f'{ENTERPRISE}:department eq "sales"': True,
    "active eq true": True,
    "not (active eq true)": False,
}


@pytest.mark.parametrize("text, fits", _FILTERS.items())
def test_3_4_2_2_filters_find_him_or_do_not(scim: Provider, text: str, fits: bool) -> None:
    name = name_of("filtered")
    user = scim.user(
        userName=name,
        name={"familyName": "Jensen"},
        title="Tour Guide",
        userType="Employee",
        emails=[{"value": name, "type": "work"}],
        ims=[{"value": "he@foo.example", "type": "xmpp"}],
        schemas=[USER, ENTERPRISE],
        **{ENTERPRISE: {"department": "Sales"}},
    )
    first = name.partition("@")[0]
    for word, stands in (("<name>", name), ("<NAME>", name.upper()), ("<first>", first)):
        text = text.replace(word, stands)
    wanted = f'id eq "{user["id"]}" and ({text})'
    answer = scim.get("/Users", filter=wanted)
    ids = [user["id"]] if fits else []
    assert [one["id"] for one in answer.json["Resources"]] == ids, answer
    # By itself it is looked for among all, who may be more than a page.
    found, total = list[str](), 1
    while len(found) < total:
        page = scim.get("/Users", filter=text, count=1000, startIndex=len(found) + 1).json
        total = page["totalResults"]
        found += [one["id"] for one in page["Resources"]]
    assert (user["id"] in found) is fits


@pytest.mark.parametrize(
    "text",
    [
        "userName",
        "userName eq",
        "userName eq jo",
        'userName xx "a"',
        '(userName eq "a"',
        "title pr and",
        'shoeSize eq "9"',
        "emails[type eq",
        "active gt true",
        'userName eq "a" userName eq "b"',
        "not title pr",
    ],
)
def test_3_4_2_2_a_filter_that_is_none_is_refused_with_its_place(scim: Provider, text: str) -> None:
    answer = scim.get("/Users", filter=text)
    answer.refused(400, "invalidFilter")
    assert "character" in answer.json["detail"]
