"""How an upload to S3 is cut into parts: arithmetic alone, so that it can be tested whole.

With a length all parts are of one size, the smallest multiple of 8 MiB with which 10,000 of
them are enough. Without one they begin at 8 MiB and grow while there is memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from storage.blobs.interface import UploadTooLarge

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PartSizes:
    """The limits of Amazon S3 ("Multipart upload limits") and this project's choices.

    Attributes:
        unit_bytes: the least part, and what every part is a multiple of.
        grown_bytes: what parts of an upload without a length grow to.
        growth_parts: after so many parts without a length their size doubles: 2 GiB at
            8 MiB, so that short uploads stay small, and 10,000 parts still hold 600 GiB.
        most_parts: of one upload.
        most_bytes: of one blob.
        largest_part_bytes: of one part.
    """

    unit_bytes: int = 8 * MIB
    grown_bytes: int = 64 * MIB
    growth_parts: int = 250
    most_parts: int = 10_000
    most_bytes: int = 5 * MIB * MIB
    largest_part_bytes: int = 5 * 1024 * MIB

    def part_bytes(self, size: int | None) -> int:
        """The size of the parts of an upload of `size` bytes, of the first ones without it.

        Raises:
            UploadTooLarge: S3 holds no object of that size.
        """
        if size is None:
            return self.unit_bytes
        if size > self.most_bytes:
            raise UploadTooLarge(f"S3 holds files of up to {self.most_bytes} bytes")
        units = -(-size // (self.most_parts * self.unit_bytes))
        return max(1, units) * self.unit_bytes

    def part_bytes_behind(self, sent: Sequence[int], part_bytes: int, size: int) -> int:
        """The size of the parts behind those that were sent, where the length became known
        only now; not below `part_bytes`.

        Raises:
            UploadTooLarge: S3 holds no object of that size, or not in the parts that are left.
        """
        self.part_bytes(size)
        left, rest = self.most_parts - len(sent), size - sum(sent)
        if rest <= 0:
            return part_bytes
        units = -(-rest // (max(1, left) * self.unit_bytes))
        needed = max(part_bytes, units * self.unit_bytes)
        if left < 1 or needed > self.largest_part_bytes:
            raise UploadTooLarge(
                f"the rest does not fit the {self.most_parts} parts of an upload: begin it anew,"
                " and send its length first"
            )
        return needed

    def grown(self, part_bytes: int, number: int) -> int:
        """The size that part `number` (from 1) should have where the one before had
        `part_bytes`, in an upload without a length."""
        if number > 1 and (number - 1) % self.growth_parts == 0:
            return max(part_bytes, min(part_bytes * 2, self.grown_bytes))
        return part_bytes

    def reservation_bytes(self, rest: int | None, part_bytes: int) -> int:
        """What an upload can come to hold: a part filling and one in flight, or the `rest` of
        its bytes, where that is less."""
        return 2 * part_bytes if rest is None else min(2 * part_bytes, max(1, rest))
