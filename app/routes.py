"""Every route, every middleware and every error handler of the service, on one page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import falcon
from falcon.media import JSONHandler

from app import errors
from app.api.answers import Paging
from app.api.audit import Audit
from app.api.description import Description, describe, query_parameters
from app.api.groups import GroupPermissions, Groups, Members, OneGroup, OneMember
from app.api.hand_over import HandOver
from app.api.jobs import JobPages, OneJob
from app.api.keys import Keys, OneKey, Rotation
from app.api.organization import TheOrganization
from app.api.project_files import (
    DistributionRestore,
    OneDistribution,
    OneRelease,
    ReleaseRestore,
)
from app.api.projects import OneProject, ProjectPages, ProjectRestore
from app.api.repositories import OneRepository, Repositories
from app.api.repository_grants import GrantPages, OneGrant
from app.api.restore import Deleted, DeletedRepositoryPages, Purge, Restore
from app.api.retention import RetentionPreview, RetentionRules
from app.api.scim_tokens import OneToken, TokenPages, TokenRotation
from app.api.search import SearchPage
from app.api.subscriber_groups import (
    GroupMembers,
    GroupPages,
    UsageOfGroup,
)
from app.api.subscriber_groups import OneGroup as OneSubscriberGroup
from app.api.subscriber_groups import OneMember as OneSubscriberMember
from app.api.subscribers import (
    AccessKeys,
    OneAccessKey,
    OneSubscriber,
    SubscriberPages,
    UsageOfSubscriber,
)
from app.api.users import Invitation, Me, OneUser, Permissions, Users
from app.audit import HistoryRule, Reads, Trail
from app.auth.invitations import InvitationConfirm, InvitationLink
from app.auth.reset import Reset, ResetConfirm, ResetLink
from app.auth.second_factor import (
    Confirm,
    RecoveryCodes,
    Removal,
    TheFactor,
    UserFactor,
)
from app.auth.sessions import OneSession, SessionList
from app.auth.sign_in import SignInPage, SignOut, TheSession
from app.background import Background
from app.computed import Views
from app.dialects import Dialect
from app.distribution import SubscriberDownloads, SubscriberUsage
from app.files import Files, PublicFiles
from app.health import Alive, MetricsPage, Ready
from app.installation import Installation
from app.mail.origins import Origins
from app.maven.dialect import MISSING_TYPE, MavenDialect
from app.portal import Portal
from app.privacy import erasing_by
from app.publishing import Digester, Publisher, Remover
from app.publishing.bulk import Bulk
from app.publishing.receiving import Receiver
from app.publishing.restoration import Restorer
from app.publishing.sessions import Sessions
from app.publishing.sessions_completion import Completion
from app.publishing.sessions_pieces import Pieces
from app.python.changing import Changing
from app.python.dialect import PythonDialect
from app.python.projects import Projects
from app.python.uploads import Forms
from app.python.views import Index
from app.raw.deleting import FolderDeletes
from app.raw.dialect import RawDialect
from app.raw.downloads import Downloads
from app.raw.folders import PublicRawFolders, RawFolders
from app.raw.listing import Listing
from app.raw.uploads import Uploads
from app.raw.uploads_ending import UploadEnds
from app.repositories import Catalogue, DeletedRepositories, Door, Format
from app.retention import LastDownloads, Retention
from app.scim.bulk import Bulk as ScimBulk
from app.scim.discovery import (
    Configuration,
    OneResourceType,
    OneSchema,
    ResourceTypes,
    Schemas,
)
from app.scim.group_operations import GroupOperations
from app.scim.group_source import GroupSource
from app.scim.me import Me as ScimMe
from app.scim.operations import Operations
from app.scim.pages import OneResource, Resources, Root
from app.scim.pages import Search as ScimSearch
from app.scim.routing import ROOT as SCIM_ROOT
from app.scim.routing import Routing
from app.scim.sources import Source
from app.scim.user_operations import UserOperations
from app.scim.user_source import UserSource
from app.search import Search
from app.server.status import Readiness
from auth.api_keys import ApiKeys
from auth.authenticator import Authenticator
from auth.code_rates import CodeRates
from auth.codes import Codes
from auth.factor_resets import FactorResets
from auth.factor_rule import SecondFactorRule
from auth.groups import Groups as GroupService
from auth.hand_over import HandOvers
from auth.invitations import Invitations
from auth.key_rotation import KeyRotation
from auth.left_memberships import LeftMemberships
from auth.memberships import Memberships
from auth.organizations import Organizations
from auth.outbox import Outbox
from auth.proven_passwords import ProvenPasswords
from auth.provisioned_groups import ProvisionedGroups
from auth.provisioned_users import ProvisionedUsers
from auth.rates import Rates
from auth.repository_grants import RepositoryGrants
from auth.resets import Resets
from auth.scim_tokens import ScimTokens
from auth.second_factors import SecondFactors
from auth.sessions import Sessions as UserSessions
from auth.slow_hashes import SlowHashes
from auth.subscriber_groups import SubscriberGroups
from auth.subscriber_members import SubscriberMembers
from auth.subscribers import Subscribers
from auth.users import Users as UserService
from middleware.admission import Admission
from middleware.authentication import Authentication
from middleware.browsers import Browsers
from middleware.declarations import HEALTH_PATHS, Declarations, Routes
from middleware.hosts import Hosts
from middleware.metrics import Metrics
from middleware.places import Limits, Places
from middleware.proxies import TrustedProxies
from middleware.queries import Queries
from middleware.request_id import RequestId
from middleware.request_line import RequestLine
from middleware.security_headers import SecurityHeaders
from middleware.transport import Encryption, Forwarding
from storage.metadata.recent import Recent

#: A Falcon application, with its own requests and responses.
Application: TypeAlias = falcon.App[falcon.Request, falcon.Response]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes are made of; `compose` makes it."""

    installation: Installation
    background: Background
    downloads: LastDownloads
    reads: Reads
    distributed: SubscriberDownloads
    authenticator: Authenticator
    slow_hashes: SlowHashes
    readiness: Readiness
    metrics: Metrics


def build(parts: Parts) -> Application:
    """The Falcon application."""
    routes, description = Routes(), describe()
    application = falcon.App(middleware=middleware(parts, routes, description), router=routes)
    application.req_options.strip_url_path_trailing_slash = False
    application.req_options.auto_parse_qs_csv = False
    application.resp_options.media_handlers["application/json"] = JSONHandler(dumps=_json_line)
    errors.register(application)
    _add_routes(application, parts, description)
    return application


def _json_line(value: object) -> str:
    """JSON that ends a line, for whoever reads it in a terminal."""
    return json.dumps(value, ensure_ascii=False) + "\n"


def middleware(parts: Parts, routes: Routes, description: Mapping[str, Any]) -> list[Any]:
    """Every middleware, in the order in which a request meets them."""
    settings = parts.installation.settings
    proxies = TrustedProxies(settings.trusted_proxies)
    return [
        RequestId(proxies),
        SecurityHeaders(https_only=settings.http != "allow"),
        Forwarding(proxies, HEALTH_PATHS),
        Hosts(settings.base_url, settings.domain, settings.loopback, HEALTH_PATHS),
        Encryption(settings.http, settings.loopback, proxies, HEALTH_PATHS),
        RequestLine(routes),
        Browsers(),
        Declarations(),
        Authentication(parts.authenticator, Organizations(parts.installation.recent)),
        Admission(Places(Limits(settings.threads))),
        Queries(routes, query_parameters(description)),
    ]


def _add_routes(application: Application, parts: Parts, description: Mapping[str, Any]) -> None:
    at = parts.installation
    recent, journal = at.recent, at.journal
    catalogue = Catalogue(recent, journal)
    rates, outbox = Rates(at.secrets[0]), Outbox(at.sealer)
    mailing = recent, journal, outbox, rates, parts.slow_hashes
    resets, invitations = Resets(*mailing), Invitations(*mailing)
    users = UserService(recent, journal, outbox, parts.slow_hashes, rates=rates)
    api_keys = ApiKeys(recent, journal)
    paging = Paging(at.cursors)
    door, listing = Door(recent), Listing(recent, at.cursors)
    downloads = Downloads(at.blobs, parts.downloads, parts.reads, parts.distributed)
    digester, sessions = Digester(), Sessions(at.blobs, at.metadata)
    receiver = Receiver(at.blobs, at.metadata, digester, in_flight=parts.metrics.uploads)
    publisher = Publisher(receiver, at.metadata, journal)
    completion = Completion(sessions, at.blobs, digester, publisher)
    uploads = Uploads(
        door,
        publisher,
        sessions,
        Pieces(sessions, at.blobs, digester, in_flight=parts.metrics.uploads),
        UploadEnds(sessions, completion, parts.background.jobs, catalogue),
    )
    remover = Remover(at.metadata, journal)
    raw = RawDialect(publisher, remover, downloads, listing)
    views = Views(at.metadata)
    loud = RawDialect(publisher, remover, downloads, listing, MISSING_TYPE)
    maven = MavenDialect(recent, views, loud, downloads)
    index = Index(at.metadata, at.blobs, views)
    # Where there are several organizations, the base URL is of one of them.
    base_url = at.settings.base_url if at.settings.domain is None else None
    python = PythonDialect(index, raw, downloads, base_url)
    dialects: dict[Format, Dialect] = {
        Format.RAW: raw,
        Format.MAVEN: maven,
        Format.PYTHON: python,
    }
    forms = Forms(door, publisher, at.metadata)
    files, public = Files(door, dialects, uploads, forms), PublicFiles(door, dialects)
    jobs = parts.background.jobs
    folders = RawFolders(door, dialects, FolderDeletes(door, jobs, catalogue), forms)
    public_folders = PublicRawFolders(door, dialects)
    deleted = DeletedRepositories(recent, journal)
    restorer = Restorer(at.metadata, Bulk(at.metadata, journal))
    restore = Restore(recent, door, catalogue, deleted, restorer, jobs)
    projects = Projects(at.metadata)
    changing = Changing(at.metadata, journal, projects, restorer)
    of_files = door, projects, changing

    add = application.add_route
    add("/", Portal(recent))
    add("/healthz", Alive())
    add("/readyz", Ready(parts.readiness))
    add("/metrics", MetricsPage(recent, parts.metrics.render))
    add("/repositories/{repository}", folders, suffix="root")
    add("/repositories/{repository}/", folders)
    add("/repositories/{repository}/{path:path}", files)
    add("/repositories/{repository}/{path:path}/", folders)
    add("/public/repositories/{repository}", public_folders, suffix="root")
    add("/public/repositories/{repository}/", public_folders)
    add("/public/repositories/{repository}/{path:path}", public)
    add("/public/repositories/{repository}/{path:path}/", public_folders)
    add("/api/openapi.json", Description(recent, description))
    groups = GroupService(recent, journal)
    add("/api/user", Me(recent, users, catalogue, groups))
    add("/api/users", Users(recent, users, catalogue, paging))
    add("/api/users/{user}", OneUser(recent, users, catalogue, groups))
    add("/api/users/{user}/permissions", Permissions(recent, users, catalogue))
    add("/api/users/{user}/invitation", Invitation(recent, users, catalogue, invitations))
    rules = SecondFactorRule(recent, journal), HistoryRule(recent, journal)
    add("/api/organization", TheOrganization(recent, *rules))
    add("/api/repositories", Repositories(recent, catalogue, paging))
    add("/api/repositories/{name}/restore", restore)
    add("/api/repositories/{name}/purge", Purge(door, catalogue, jobs))
    add("/api/repositories/{name}/deleted", Deleted(at.metadata, door, paging))
    add("/api/deleted-repositories", DeletedRepositoryPages(recent, deleted, paging))
    add("/api/repositories/{name}", OneRepository(recent, door, catalogue))
    listed = "/api/repositories/{name}/projects"
    add(listed, ProjectPages(door, projects, paging))
    one = f"{listed}/{{project}}"
    add(one, OneProject(door, catalogue, projects, changing, jobs, paging))
    add(f"{one}/restore", ProjectRestore(door, catalogue, jobs))
    add(f"{one}/releases/{{version}}", OneRelease(*of_files))
    add(f"{one}/releases/{{version}}/restore", ReleaseRestore(*of_files))
    add(f"{one}/files/{{filename}}", OneDistribution(*of_files))
    add(f"{one}/files/{{filename}}/restore", DistributionRestore(*of_files))
    add("/api/keys", Keys(recent, api_keys, catalogue, paging))
    add("/api/keys/{key}", OneKey(recent, api_keys, catalogue))
    rotation = KeyRotation(recent, journal)
    add("/api/keys/{key}/rotate", Rotation(recent, api_keys, rotation, catalogue))
    add("/api/jobs", JobPages(recent, jobs, parts.background.schedule, catalogue, paging))
    add("/api/jobs/{job}", OneJob(recent, jobs, catalogue))
    retention = Retention(recent, journal, catalogue, Bulk(at.metadata, journal))
    ruled = "/api/repositories/{name}/retention"
    add(ruled, RetentionRules(door, retention))
    add(f"{ruled}/preview", RetentionPreview(door, retention, paging))
    add("/api/audit", Audit(recent, Trail(at.metadata, journal, catalogue), catalogue, paging))
    add("/api/search", SearchPage(recent, Search(recent, catalogue), paging))
    _add_groups(application, parts, groups, catalogue, paging)
    granted = "/api/repositories/{name}/grants"
    grants = RepositoryGrants(recent, journal)
    add(granted, GrantPages(door, grants, paging))
    add(f"{granted}/users/{{user}}", OneGrant(door, grants), suffix="user")
    add(f"{granted}/groups/{{group}}", OneGrant(door, grants), suffix="group")
    _add_distribution(application, parts, api_keys, catalogue, paging)
    _add_links(application, recent, resets, invitations)
    _add_signing_in(application, parts)
    _add_scim(application, parts, groups)


def _add_groups(
    application: Application,
    parts: Parts,
    groups: GroupService,
    catalogue: Catalogue,
    paging: Paging,
) -> None:
    recent, journal = parts.installation.recent, parts.installation.journal
    memberships = Memberships(recent, journal)
    one = "/api/groups/{group}"

    add = application.add_route
    add("/api/groups", Groups(recent, groups, catalogue, paging))
    add(one, OneGroup(recent, groups, catalogue))
    add(f"{one}/permissions", GroupPermissions(recent, groups, catalogue))
    add(f"{one}/members", Members(recent, memberships, paging))
    add(f"{one}/members/{{user}}", OneMember(recent, memberships))
    handing = HandOver(recent, HandOvers(recent, journal), catalogue)
    add("/api/users/{user}/hand-over", handing)


def _add_distribution(
    application: Application,
    parts: Parts,
    api_keys: ApiKeys,
    catalogue: Catalogue,
    paging: Paging,
) -> None:
    """Who gets in from outside: provisioning services, and subscribers."""
    recent, journal = parts.installation.recent, parts.installation.journal
    tokens, subscribers = ScimTokens(recent, journal), Subscribers(recent, journal)
    groups, members = SubscriberGroups(recent, journal), SubscriberMembers(recent, journal)
    usage = SubscriberUsage(recent)
    one, group = "/api/subscribers/{subscriber}", "/api/subscriber-groups/{group}"
    reading = usage, catalogue, paging

    add = application.add_route
    add("/api/scim-tokens", TokenPages(recent, tokens, paging))
    add("/api/scim-tokens/{token}", OneToken(recent, tokens))
    add("/api/scim-tokens/{token}/rotate", TokenRotation(recent, tokens))
    add("/api/subscriber-groups", GroupPages(recent, groups, catalogue, paging))
    add(group, OneSubscriberGroup(recent, groups, catalogue))
    add(f"{group}/members", GroupMembers(recent, members, paging))
    add(f"{group}/members/{{subscriber}}", OneSubscriberMember(recent, members))
    add(f"{group}/usage", UsageOfGroup(recent, groups, members, *reading))
    add("/api/subscribers", SubscriberPages(recent, subscribers, paging))
    add(one, OneSubscriber(recent, subscribers))
    add(f"{one}/keys", AccessKeys(recent, subscribers, api_keys, catalogue, paging))
    add(f"{one}/keys/{{key}}", OneAccessKey(recent, subscribers, api_keys))
    add(f"{one}/usage", UsageOfSubscriber(recent, subscribers, *reading))


def _add_scim(application: Application, parts: Parts, groups: GroupService) -> None:
    """Provisioning by identity providers."""
    at, settings = parts.installation, parts.installation.settings
    recent, journal = at.recent, at.journal
    local = settings.listening if settings.loopback else None
    origins = Origins(settings.base_url, settings.base_organization, settings.domain, local)
    routing = Routing(recent, origins)
    users = ProvisionedUsers(recent, journal, parts.slow_hashes, outbox=Outbox(at.sealer))
    provisioned = ProvisionedGroups(recent, journal)
    erasing = erasing_by(recent.metadata.now)
    of_users = UserOperations(users, groups, LeftMemberships(recent, journal), erasing)
    of_groups = GroupOperations(provisioned)
    found: tuple[Source, Source] = (
        UserSource(recent, users, groups),
        GroupSource(recent, provisioned),
    )
    operated: tuple[Operations, Operations] = (of_users, of_groups)

    add = application.add_route
    for source, operations in zip(found, operated, strict=True):
        endpoint = f"{SCIM_ROOT}{source.type.endpoint}"
        add(endpoint, Resources(routing, source, operations))
        add(f"{endpoint}/.search", ScimSearch(routing, (source,)))
        add(f"{endpoint}/{{id_}}", OneResource(routing, source, operations))
    add(f"{SCIM_ROOT}/", Root(routing, found))
    add(f"{SCIM_ROOT}/.search", ScimSearch(routing, found))
    named = {one.type.endpoint.removeprefix("/"): one for one in operated}
    add(f"{SCIM_ROOT}/Bulk", ScimBulk(routing, named, errors.refusal))
    add(f"{SCIM_ROOT}/Me", ScimMe(routing, users, groups, of_users))
    add(f"{SCIM_ROOT}/ServiceProviderConfig", Configuration(routing))
    add(f"{SCIM_ROOT}/ResourceTypes", ResourceTypes(routing))
    add(f"{SCIM_ROOT}/ResourceTypes/{{name}}", OneResourceType(routing))
    add(f"{SCIM_ROOT}/Schemas", Schemas(routing))
    add(f"{SCIM_ROOT}/Schemas/{{urn}}", OneSchema(routing))


def _add_links(
    application: Application, recent: Recent, resets: Resets, invitations: Invitations
) -> None:
    """What the links in mails lead to."""
    add = application.add_route
    add("/auth/reset", Reset(recent, resets))
    add("/auth/reset/confirm", ResetConfirm(recent, resets))
    add("/auth/reset/{token}", ResetLink())
    add("/auth/invitation/confirm", InvitationConfirm(recent, invitations))
    add("/auth/invitation/{token}", InvitationLink())


def _add_signing_in(application: Application, parts: Parts) -> None:
    at = parts.installation
    recent, journal, outbox = at.recent, at.journal, Outbox(at.sealer)
    passwords = ProvenPasswords(recent, parts.authenticator)
    codes = Codes(recent, journal, at.sealer, CodeRates(at.secrets[0]))
    factors = SecondFactors(recent, journal, outbox, at.sealer, codes)
    sessions = UserSessions(recent, journal, passwords, codes)
    of_factors = recent, factors, passwords
    factor_resets = FactorResets(recent, journal, outbox)

    add = application.add_route
    add("/auth/sign-in", SignInPage())
    add("/auth/sign-out", SignOut(recent, sessions))
    add("/auth/session", TheSession(recent, sessions))
    add("/auth/sessions", SessionList(recent, sessions))
    add("/auth/sessions/{session}", OneSession(recent, sessions))
    add("/auth/second-factor", TheFactor(*of_factors))
    add("/auth/second-factor/confirm", Confirm(*of_factors))
    add("/auth/second-factor/recovery-codes", RecoveryCodes(*of_factors))
    add("/auth/second-factor/remove", Removal(*of_factors))
    add("/api/users/{user}/second-factor", UserFactor(recent, factor_resets))
