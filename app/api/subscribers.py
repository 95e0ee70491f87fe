"""`/api/subscribers`: who reads from outside the organization what it distributes, with access
keys; managed by administrators.
"""

from collections.abc import Sequence
from typing import Any

from falcon import HTTP_201, HTTP_204, Request, Response

from app.api.answers import Paging, keys_json, scope_of, time_text
from app.api.keys import show_made
from app.api.reading import read_fields
from app.distribution import DayUsage, SubscriberUsage, parse_days
from app.repositories import Catalogue
from app.visitors import authority_of, confirmed, confirmed_with
from auth.api_keys import ApiKeys
from auth.errors import Missing
from auth.principals import Authority
from auth.records import ApiKey, Listing
from auth.subscriber_records import Subscriber, SubscriberChanges
from auth.subscribers import Subscribers
from middleware.declarations import MANAGER, by_method
from storage.metadata.recent import Recent


class _OfSubscribers:
    """What the routes of subscribers share."""

    def __init__(self, recent: Recent, subscribers: Subscribers) -> None:
        self._recent = recent
        self._subscribers = subscribers

    def _authority(self, req: Request) -> Authority:
        return authority_of(req, confirmed(req, self._recent))

    def _required(self, req: Request, subscriber: str) -> Authority:
        """The authority over a subscriber who is there, in one read. Raises Missing."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: self._subscribers.needs(at, subscriber)
        )
        by = authority_of(req, principal)
        self._subscribers.get(by, subscriber, records)
        return by


class SubscriberPages(_OfSubscribers):
    """`GET` and `POST /api/subscribers`."""

    needs = by_method(GET=MANAGER, POST=MANAGER)

    def __init__(self, recent: Recent, subscribers: Subscribers, paging: Paging) -> None:
        super().__init__(recent, subscribers)
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """List subscribers."""
        by = self._authority(req)

        def read(after: str, limit: int) -> Listing[Subscriber]:
            return self._subscribers.list(by, after, limit)

        resp.media = self._paging.answer(req, "subscribers", read, subscribers_json, scope_of(req))

    def on_post(self, req: Request, resp: Response) -> None:
        """Make a subscriber."""
        by, fields = self._authority(req), read_fields(req)
        name, contact = fields.required("name"), fields.text("contact")
        active, groups = fields.flag("active"), fields.texts("groups")
        expires = fields.moment("expires")
        fields.finish()
        made = self._subscribers.create(
            by,
            name=name,
            contact=contact,
            active=active is not False,
            groups=groups or (),
            expires=expires,
        )
        resp.status = HTTP_201
        resp.set_header("Location", f"/api/subscribers/{made.id}")
        resp.media = subscriber_json(made)


class OneSubscriber(_OfSubscribers):
    """`GET`, `PATCH` and `DELETE /api/subscribers/ID`."""

    needs = by_method(GET=MANAGER, PATCH=MANAGER, DELETE=MANAGER)

    def on_get(self, req: Request, resp: Response, subscriber: str) -> None:
        """Show a subscriber."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: self._subscribers.needs(at, subscriber)
        )
        by = authority_of(req, principal)
        resp.media = subscriber_json(self._subscribers.get(by, subscriber, records))

    def on_patch(self, req: Request, resp: Response, subscriber: str) -> None:
        """Change a subscriber; null takes away his contact, or when he ends."""
        by, fields = self._authority(req), read_fields(req)
        contact, expires = fields.text("contact"), fields.moment("expires")
        changes = SubscriberChanges(
            name=fields.text("name"),
            contact="" if contact is None and fields.has("contact") else contact,
            active=fields.flag("active"),
            groups=fields.texts("groups"),
            expires=expires,
            endless=expires is None and fields.has("expires"),
        )
        fields.finish()
        resp.media = subscriber_json(self._subscribers.update(by, subscriber, changes))

    def on_delete(self, req: Request, resp: Response, subscriber: str) -> None:
        """Delete a subscriber with his keys, at once."""
        self._subscribers.delete(self._authority(req), subscriber)
        resp.status = HTTP_204


class AccessKeys(_OfSubscribers):
    """`GET` and `POST /api/subscribers/ID/keys`."""

    needs = by_method(GET=MANAGER, POST=MANAGER)

    def __init__(
        self,
        recent: Recent,
        subscribers: Subscribers,
        api_keys: ApiKeys,
        catalogue: Catalogue,
        paging: Paging,
    ) -> None:
        super().__init__(recent, subscribers)
        self._api_keys = api_keys
        self._catalogue = catalogue
        self._paging = paging

    def on_get(self, req: Request, resp: Response, subscriber: str) -> None:
        """List a subscriber's keys, never their secrets."""
        by = self._required(req, subscriber)

        def read(after: str, limit: int) -> Listing[ApiKey]:
            return self._api_keys.list(by, subscriber, after, limit)

        def show(keys: Sequence[ApiKey]) -> list[dict[str, Any]]:
            return keys_json(self._catalogue, by.organization, keys)

        resp.media = self._paging.answer(req, "keys", read, show, scope_of(req, subscriber))

    def on_post(self, req: Request, resp: Response, subscriber: str) -> None:
        """Make a key, and show its secret this once."""
        by = self._required(req, subscriber)
        fields = read_fields(req)
        name, expires = fields.required("name"), fields.moment("expires")
        fields.finish()
        made = self._api_keys.create(
            by, name=name, user_id=subscriber, expires=expires, owner="subscriber"
        )
        show_made(resp, self._catalogue, by.organization, made)


class OneAccessKey(_OfSubscribers):
    """`DELETE /api/subscribers/ID/keys/KEY`."""

    needs = by_method(DELETE=MANAGER)

    def __init__(self, recent: Recent, subscribers: Subscribers, api_keys: ApiKeys) -> None:
        super().__init__(recent, subscribers)
        self._api_keys = api_keys

    def on_delete(self, req: Request, resp: Response, subscriber: str, key: str) -> None:
        """Revoke a key of that subscriber."""
        by = self._required(req, subscriber)
        found = self._api_keys.get(by, key)
        if (found.owner, found.user_id) != ("subscriber", subscriber):
            raise Missing("key")
        self._api_keys.delete(by, key)
        resp.status = HTTP_204


class UsageOfSubscriber(_OfSubscribers):
    """`GET /api/subscribers/ID/usage`."""

    needs = by_method(GET=MANAGER)

    def __init__(
        self,
        recent: Recent,
        subscribers: Subscribers,
        usage: SubscriberUsage,
        catalogue: Catalogue,
        paging: Paging,
    ) -> None:
        super().__init__(recent, subscribers)
        self._usage = usage
        self._catalogue = catalogue
        self._paging = paging

    def on_get(self, req: Request, resp: Response, subscriber: str) -> None:
        """What a subscriber downloaded, by day and repository."""
        by = self._required(req, subscriber)
        since, until = req.get_param("since"), req.get_param("until")
        days = parse_days(since, until, self._usage.today())

        def read(after: str, limit: int) -> Listing[DayUsage]:
            return self._usage.of(by.organization, subscriber, days, after, limit)

        def show(usage: Sequence[DayUsage]) -> list[dict[str, Any]]:
            names = self._catalogue.names(by.organization, [one.repository for one in usage])
            return [
                {
                    "day": one.day.isoformat(),
                    "repository": names.get(one.repository),
                    "downloads": one.downloads,
                    "bytes": one.bytes,
                }
                for one in usage
            ]

        scope = scope_of(req, subscriber, *days.text())
        resp.media = self._paging.answer(req, "usage", read, show, scope)


def subscribers_json(subscribers: Sequence[Subscriber]) -> list[dict[str, Any]]:
    """Subscribers as the API shows them."""
    return [subscriber_json(one) for one in subscribers]


def subscriber_json(subscriber: Subscriber) -> dict[str, Any]:
    """A subscriber as the API shows him."""
    return {
        "id": subscriber.id,
        "name": subscriber.name,
        "contact": subscriber.contact,
        "active": subscriber.active,
        "groups": list(subscriber.groups),
        "expires": time_text(subscriber.expires),
        "created": time_text(subscriber.created),
        "updated": time_text(subscriber.updated),
    }
