"""Every route, every middleware and every error handler of the service, on one page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import falcon
from falcon.media import JSONHandler

from app import errors
from app.api.answers import Paging
from app.api.description import Description, describe, query_parameters
from app.api.jobs import JobPages, OneJob
from app.api.keys import Keys, OneKey
from app.api.organization import TheOrganization
from app.api.project_files import (
    DistributionRestore,
    OneDistribution,
    OneRelease,
    ReleaseRestore,
)
from app.api.projects import OneProject, ProjectPages, ProjectRestore
from app.api.repositories import OneRepository, Repositories
from app.api.restore import Deleted, DeletedRepositoryPages, Purge, Restore
from app.api.retention import RetentionPreview, RetentionRules
from app.api.search import SearchPage
from app.api.users import Me, OneUser, Permissions, Users
from app.background import Background
from app.computed import Views
from app.dialects import Dialect
from app.files import Files, PublicFiles
from app.health import Alive, MetricsPage, Ready
from app.installation import Installation
from app.maven.dialect import MISSING_TYPE, MavenDialect
from app.portal import Portal
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
from app.search import Search
from app.server.status import Readiness
from auth.api_keys import ApiKeys
from auth.authenticator import Authenticator
from auth.organizations import Organizations
from auth.slow_hashes import SlowHashes
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

#: A Falcon application, with its own requests and responses.
Application: TypeAlias = falcon.App[falcon.Request, falcon.Response]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes are made of; `compose` makes it."""

    installation: Installation
    background: Background
    downloads: LastDownloads
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
    users = UserService(recent, journal, parts.slow_hashes)
    api_keys = ApiKeys(recent, journal)
    paging = Paging(at.cursors)
    door, listing = Door(recent), Listing(recent, at.cursors)
    downloads = Downloads(at.blobs, parts.downloads)
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
    add("/", Portal())
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
    add("/api/user", Me(recent, users, catalogue))
    add("/api/users", Users(recent, users, catalogue, paging))
    add("/api/users/{user}", OneUser(recent, users, catalogue))
    add("/api/users/{user}/permissions", Permissions(recent, users, catalogue))
    add("/api/organization", TheOrganization(recent))
    add("/api/repositories", Repositories(recent, catalogue, paging))
    add("/api/repositories/{name}/restore", restore)
    add("/api/repositories/{name}/purge", Purge(recent, catalogue, jobs))
    add("/api/repositories/{name}/deleted", Deleted(at.metadata, door, paging))
    add("/api/deleted-repositories", DeletedRepositoryPages(recent, deleted, paging))
    add("/api/repositories/{name}", OneRepository(recent, catalogue))
    listed = "/api/repositories/{name}/projects"
    add(listed, ProjectPages(recent, catalogue, projects, paging))
    one = f"{listed}/{{project}}"
    add(one, OneProject(recent, door, catalogue, projects, changing, jobs, paging))
    add(f"{one}/restore", ProjectRestore(door, catalogue, jobs))
    add(f"{one}/releases/{{version}}", OneRelease(*of_files))
    add(f"{one}/releases/{{version}}/restore", ReleaseRestore(*of_files))
    add(f"{one}/files/{{filename}}", OneDistribution(*of_files))
    add(f"{one}/files/{{filename}}/restore", DistributionRestore(*of_files))
    add("/api/keys", Keys(recent, api_keys, catalogue, paging))
    add("/api/keys/{key}", OneKey(recent, api_keys, catalogue))
    add("/api/jobs", JobPages(recent, jobs, parts.background.schedule, catalogue, paging))
    add("/api/jobs/{job}", OneJob(recent, jobs, catalogue))
    retention = Retention(recent, journal, catalogue, Bulk(at.metadata, journal))
    ruled = "/api/repositories/{name}/retention"
    add(ruled, RetentionRules(recent, catalogue, retention))
    add(f"{ruled}/preview", RetentionPreview(recent, catalogue, retention, paging))
    add("/api/search", SearchPage(recent, Search(recent, catalogue), paging))
