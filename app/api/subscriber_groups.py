"""`/api/subscriber-groups`: which repositories subscribers read; managed by administrators.

What a group gives is a list of names and patterns, because there is nothing to give but reading.
"""

from collections.abc import Sequence
from typing import Any

from falcon import HTTP_201, HTTP_204, Request, Response

from app.api.answers import Paging, scope_of, time_text
from app.api.grants import ById, by_ids
from app.api.reading import query_number, read_fields
from app.api.subscribers import subscribers_json
from app.distribution import SubscriberTotal, SubscriberUsage, parse_days
from app.repositories import Catalogue
from app.visitors import authority_of, confirmed, confirmed_with
from auth.errors import InvalidField
from auth.patterns import is_pattern
from auth.principals import Action, Authority, names_of
from auth.records import Listing
from auth.subscriber_groups import SubscriberGroups
from auth.subscriber_members import SubscriberMembers
from auth.subscriber_records import Subscriber, SubscriberGroup
from middleware.declarations import MANAGER, by_method
from storage.metadata.recent import Recent

#: Subscribers of a page of usage: each of them costs a query.
_TOTALS_MOST = 50


class _OfGroups:
    """What the routes of groups share."""

    def __init__(self, recent: Recent, groups: SubscriberGroups, catalogue: Catalogue) -> None:
        self._recent = recent
        self._groups = groups
        self._catalogue = catalogue

    def _authority(self, req: Request) -> Authority:
        return authority_of(req, confirmed(req, self._recent))

    def _show(self, by: Authority, group: SubscriberGroup) -> dict[str, Any]:
        return subscriber_groups_json(self._catalogue, by.organization, [group])[0]


class GroupPages(_OfGroups):
    """`GET` and `POST /api/subscriber-groups`."""

    needs = by_method(GET=MANAGER, POST=MANAGER)

    def __init__(
        self, recent: Recent, groups: SubscriberGroups, catalogue: Catalogue, paging: Paging
    ) -> None:
        super().__init__(recent, groups, catalogue)
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """List subscriber groups."""
        by = self._authority(req)

        def read(after: str, limit: int) -> Listing[SubscriberGroup]:
            return self._groups.list(by, after, limit)

        def show(groups: Sequence[SubscriberGroup]) -> list[dict[str, Any]]:
            return subscriber_groups_json(self._catalogue, by.organization, groups)

        resp.media = self._paging.answer(req, "groups", read, show, scope_of(req))

    def on_post(self, req: Request, resp: Response) -> None:
        """Make a subscriber group."""
        by, fields = self._authority(req), read_fields(req)
        name, repositories = fields.required("name"), fields.texts("repositories")
        fields.finish()
        given = reading(self._catalogue, by, repositories or [])
        group = self._groups.create(by, name=name, reads=given.grants, existing=given.names)
        resp.status = HTTP_201
        resp.set_header("Location", f"/api/subscriber-groups/{group.id}")
        resp.media = self._show(by, group)


class OneGroup(_OfGroups):
    """`GET`, `PATCH` and `DELETE /api/subscriber-groups/ID`."""

    needs = by_method(GET=MANAGER, PATCH=MANAGER, DELETE=MANAGER)

    def on_get(self, req: Request, resp: Response, group: str) -> None:
        """Show a subscriber group."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: self._groups.needs(at, group)
        )
        by = authority_of(req, principal)
        resp.media = self._show(by, self._groups.get(by, group, records))

    def on_patch(self, req: Request, resp: Response, group: str) -> None:
        """Change a group's name, or all that it gives."""
        by, fields = self._authority(req), read_fields(req)
        name, repositories = fields.text("name"), fields.texts("repositories")
        fields.finish()
        given = ById({}, {})
        if repositories is not None:
            given = reading(self._catalogue, by, repositories)
        changed = self._groups.update(
            by,
            group,
            name=name,
            reads=None if repositories is None else given.grants,
            existing=given.names,
        )
        resp.media = self._show(by, changed)

    def on_delete(self, req: Request, resp: Response, group: str) -> None:
        """Delete a group: what it gave is read by nobody any more because of it."""
        self._groups.delete(self._authority(req), group)
        resp.status = HTTP_204


class GroupMembers:
    """`GET /api/subscriber-groups/ID/members`."""

    needs = by_method(GET=MANAGER)

    def __init__(self, recent: Recent, members: SubscriberMembers, paging: Paging) -> None:
        self._recent = recent
        self._members = members
        self._paging = paging

    def on_get(self, req: Request, resp: Response, group: str) -> None:
        """List who is in a group."""
        by = authority_of(req, confirmed(req, self._recent))

        def read(after: str, limit: int) -> Listing[Subscriber]:
            return self._members.list(by, group, after, limit)

        resp.media = self._paging.answer(
            req, "members", read, subscribers_json, scope_of(req, group)
        )


class OneMember:
    """`PUT` and `DELETE /api/subscriber-groups/ID/members/SUBSCRIBER`."""

    needs = by_method(PUT=MANAGER, DELETE=MANAGER)

    def __init__(self, recent: Recent, members: SubscriberMembers) -> None:
        self._recent = recent
        self._members = members

    def on_put(self, req: Request, resp: Response, group: str, subscriber: str) -> None:
        """Have a subscriber in a group."""
        by = authority_of(req, confirmed(req, self._recent))
        read_fields(req, optional=True).finish()
        self._members.add(by, group, subscriber)
        resp.status = HTTP_204

    def on_delete(self, req: Request, resp: Response, group: str, subscriber: str) -> None:
        """Take a subscriber out of a group."""
        by = authority_of(req, confirmed(req, self._recent))
        self._members.remove(by, group, subscriber)
        resp.status = HTTP_204


class UsageOfGroup(_OfGroups):
    """`GET /api/subscriber-groups/ID/usage`."""

    needs = by_method(GET=MANAGER)

    def __init__(
        self,
        recent: Recent,
        groups: SubscriberGroups,
        members: SubscriberMembers,
        usage: SubscriberUsage,
        catalogue: Catalogue,
        paging: Paging,
    ) -> None:
        super().__init__(recent, groups, catalogue)
        self._members = members
        self._usage = usage
        self._paging = paging

    def on_get(self, req: Request, resp: Response, group: str) -> None:
        """What the members of a group downloaded of what it gives, each in all."""
        by = self._authority(req)
        days = parse_days(req.get_param("since"), req.get_param("until"), self._usage.today())
        found, org = self._groups.get(by, group), by.organization

        def read(after: str, limit: int) -> Listing[SubscriberTotal]:
            page = self._members.list(by, group, after, min(limit, _TOTALS_MOST))
            totals = tuple(
                self._usage.through(
                    org, found, one, days, lambda ids: self._catalogue.names(org, ids)
                )
                for one in page.items
            )
            return Listing(totals, page.next)

        query_number(req, "limit", 1, _TOTALS_MOST, _TOTALS_MOST)
        scope = scope_of(req, group, *days.text())
        resp.media = self._paging.answer(req, "usage", read, _totals_json, scope)


def reading(catalogue: Catalogue, by: Authority, names: Sequence[str]) -> ById:
    """What a list of names and patterns gives: reading there. Raises InvalidField."""
    if len(set(names)) < len(names):
        raise InvalidField("repositories", "names one twice")
    return by_ids(catalogue, by, "repositories", {name: [Action.READ.value] for name in names})


def subscriber_groups_json(
    catalogue: Catalogue, organization: str, groups: Sequence[SubscriberGroup]
) -> list[dict[str, Any]]:
    """Groups as the API shows them, with one read for the names of a hundred repositories."""
    names = catalogue.names(organization, names_of(group.permissions for group in groups))
    return [
        {
            "id": group.id,
            "name": group.name,
            "repositories": sorted(
                place if is_pattern(place) else names[place]
                for place in group.permissions
                if is_pattern(place) or place in names
            ),
            "created": time_text(group.created),
            "updated": time_text(group.updated),
        }
        for group in groups
    ]


def _totals_json(totals: Sequence[SubscriberTotal]) -> list[dict[str, Any]]:
    return [
        {
            "subscriber": one.subscriber.id,
            "name": one.subscriber.name,
            "downloads": one.downloads,
            "bytes": one.bytes,
        }
        for one in totals
    ]
