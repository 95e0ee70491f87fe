"""Every record key of the service, drawn as one tree.

Read a line as `partition / sort → what the record holds`. Every partition begins with the
id of its organization, so that nothing of one can be reached from another; records of the
installation begin with `_`. Keys hold a repository's random id, never its name.

    _#format          / format              → the format number of all records
    _#organizations   / NAME                → id of the organization, whether it is suspended
    _#tokens#ID       / token               → a commit's witness where it has no event
    _#jobs            / TIME#JOB            → a job that waits or runs: its organization
    _#duties          / DUTY                → when a duty is due again, and how it went
    _#scan            / position            → the blob up to which the scan has looked
    _#deleted-organizations / NAME/TIME#ID  → deleted organization, to be restored
    _#mail            / TIME#MAIL           → a mail that waits: its organization
    _#erased          / NAME                → that this entry of the ledger is carried out

    ORG#organization  / organization        → name, created
    ORG#organization  / back                → since when it is served again (once it was not)
    ORG#users         / USER                → person: e-mail, role, password, permissions, groups
    ORG#emails        / EMAIL               → id of the user of an address or user name (a hash)
    ORG#profiles      / USER                → attributes of a user that a provisioning service sent
    ORG#user-external-ids / HASH            → id of the user whom that service calls so
    ORG#groups        / GROUP               → group: name, permissions, which changes are decided
    ORG#group-names   / HASH                → id of the group of that name (in lower case)
    ORG#group-external-ids / HASH           → id of the group that a provisioning service calls so
    ORG#members#GROUP / USER                → that the user is in the group, or comes or goes
    ORG#member-changes / GROUP              → that many of its members are being changed: how far
    ORG#keys          / KEY                 → API key: hash, user, scopes, expiry
    ORG#keys#USER     / KEY                 → that the user (or subscriber) has this key
    ORG#keys#USER     / count               → how many keys the user has
    ORG#used-keys     / KEY                 → hour in which a key was used last
    ORG#scim-tokens   / TOKEN               → SCIM token: hash, name, expiry
    ORG#scim-tokens   / count               → how many there are
    ORG#subscribers   / SUBSCRIBER          → subscriber: name, contact, groups
    ORG#subscriber-groups / GROUP           → subscriber group: name, repositories
    ORG#subscribers#GROUP / SUBSCRIBER      → that the subscriber is in the group
    ORG#subscriber-usage#SUBSCRIBER / DAY#REPO → counters: downloads and bytes of a day
    ORG#portal        / SESSION             → session of a person: hash, user, epoch, expiry
    ORG#portal#USER   / SESSION             → that the user has this session
    ORG#second-factors / USER               → second factor: sealed secret, last step, codes
    ORG#resets        / HASH                → reset or invitation, by its token's hash: user, until
    ORG#reset-of      / USER                → hash of the token that holds for this user
    ORG#mail          / MAIL                → mail that waits to be sent, sealed (2 hours)
    ORG#seen#USER     / ADDRESS             → that the user signed in from there (30 days), epoch
    ORG#attempts      / MINUTE#WHAT         → failed sign-ins, counted (expires)
    ORG#repositories  / NAME                → repository: id, format, kind, rules
    ORG#repository-names / ID               → name of the repository, as long as it is there,
                                              and since when it is there again

    ORG#deleted-repositories / NAME/TIME#ID → deleted repository, to be restored

    ORG#retention     / REPO                → which files go by themselves: rules
    ORG#downloaded#REPO / PATH              → day of the last download (where rules ask)

    ORG#jobs          / JOB                 → job, or run of a duty: what, how far, result
    ORG#open-jobs     / USER/JOB            → that a user's job has not ended
    ORG#readers       / READER              → how far a reader of the feed is
    ORG#sessions      / SESSION             → resumable upload: where to, whose, who holds it
    ORG#open-sessions / USER/SESSION        → that a user's upload is not complete, or was not

    ORG#folder#REPO#FOLDER  / NAME          → artifact: blob, size, digests, who, when
    ORG#folder#REPO#FOLDER  / NAME/         → that a folder NAME lies in FOLDER
    ORG#usage#REPO#STRIPE   / usage         → counters: files, bytes, restorable ones
    ORG#usage#STRIPE        / usage         → the same of the whole organization
    ORG#quota-warned  / REPO                → that its quota is nearly used was told (- of all)
    ORG#deleted#REPO#FOLDER / NAME/TIME#ID  → restorable artifact: who, until when
    ORG#due#DAY#STRIPE      / TIME#ID       → a restorable artifact whose time is up then
    ORG#made          / TIME#REPO#FOLDER    → that a folder was made for a file, to be looked at
    ORG#emptied       / REPO#FOLDER         → that a folder is no longer listed (30 days)

    ORG#names#REPO    / NAME/PATH           → that a file is called so: its size and time
    ORG#digests#REPO  / DIGEST/PATH         → that a file has this digest: the same
    ORG#ages#REPO     / TIME/PATH           → that a file is of this time: the same
    ORG#sizes#REPO    / SIZE/PATH           → that a file is this large: the same

    ORG#coordinates#REPO / G:A:V:NAME       → that a file of a Maven artifact is there: the same
    ORG#artifacts#REPO   / A:G:V:NAME       → the same, by the artifact's name alone
    ORG#plugins#REPO     / G:A:V:NAME       → that a Maven plugin is in this jar: its prefix, name
    ORG#archetypes#REPO  / G:A:V:NAME       → that this POM is an archetype's: its description
    ORG#revisions#REPO   / FOLDER:STRIPE    → counter: changes of what documents in FOLDER tell of
    ORG#distributions#REPO / PROJECT/NAME   → that a Python project has this file: what its index
                                              tells of it
    ORG#projects#REPO    / PROJECT          → state of a Python project, where it is not active
    ORG#claims#REPO      / IDENTITY         → path of the file that was the first of those of which
                                              there may be one
    ORG#expected#REPO    / PATH             → digests that were sent before their file (an hour)
    ORG#sent#REPO        / PATH/SHA256      → digests of a document that a client sent (an hour)

    ORG#blob#SHA256   / blob                → blob: key, size, references
    ORG#bytes#BLOBKEY / bytes               → SHA-256 of the blob under this key
    ORG#unreferenced  / BLOBKEY             → that the blob lost a reference: to be looked at
    ORG#uploads       / BLOBKEY             → lease of an upload that lasts over an hour

    ORG#events#HOUR#STRIPE / TIME#ID        → one event: who, what, which keys; MACed
    ORG#who#HOUR#STRIPE    / TIME#ID        → address and user agent of that event (expires)
    ORG#seals         / MINUTE              → seal of a minute: count, hashes, the seal before
    ORG#sealed        / head                → the last seal, and the last one that is copied
    ORG#sealed        / removed             → up to when events are removed by the rule
    ORG#sealed        / rule                → the rule of how many days events are kept, signed
    ORG#privacy       / REQUEST             → request to erase a person: due date, how far, report

FOLDER is `/` for the root, else a path with a slash at both ends. TIME is UTC to the
microsecond (`YYYYMMDDTHHMMSS.ffffffZ`), HOUR is `YYYYMMDDTHH`, DAY `YYYYMMDD`, MINUTE
`YYYYMMDDTHHMM`; STRIPE is one hexadecimal digit. A JOB begins with the time that is left
until the end of all time, so that the newest comes first.
"""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b

from storage.metadata.records import Key

STRIPES = 16
#: Of a document's revision: all of them are read whenever somebody asks for it.
REVISION_STRIPES = 4

FORMAT = Key("_#format", "format")
SCAN = Key("_#scan", "position")
ORGANIZATIONS = "_#organizations"
JOBS = "_#jobs"
DUTIES = "_#duties"
DELETED_ORGANIZATIONS = "_#deleted-organizations"
MAIL = "_#mail"
ERASED = "_#erased"


def stripe(text: str) -> str:
    """The stripe of a path or id: one hexadecimal digit of its hash, the same everywhere."""
    return blake2b(text.encode(), digest_size=1).hexdigest()[0]


def time(moment: datetime) -> str:
    """A moment as keys hold it, so that the order of keys is the order of time."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def hour(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H")


def day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d")


def minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M")


def organization_by_name(name: str) -> Key:
    return Key(ORGANIZATIONS, name)


def deleted_organization(name: str, moment: datetime, org: str) -> Key:
    return Key(DELETED_ORGANIZATIONS, f"{name}/{time(moment)}#{org}")


def duty(name: str) -> Key:
    return Key(DUTIES, name)


def token(attempt: str) -> Key:
    return Key(f"_#tokens#{attempt}", "token")


def organization(org: str) -> Key:
    return Key(f"{org}#organization", "organization")


def organization_back(org: str) -> Key:
    return Key(f"{org}#organization", "back")


def users(org: str) -> str:
    return f"{org}#users"


def user(org: str, user_id: str) -> Key:
    return Key(users(org), user_id)


def emails(org: str) -> str:
    return f"{org}#emails"


def email(org: str, address: str) -> Key:
    return Key(emails(org), address)


def profiles(org: str) -> str:
    return f"{org}#profiles"


def profile(org: str, user_id: str) -> Key:
    return Key(profiles(org), user_id)


def user_external_ids(org: str) -> str:
    return f"{org}#user-external-ids"


def user_external_id(org: str, external_hash: str) -> Key:
    return Key(user_external_ids(org), external_hash)


def api_keys(org: str) -> str:
    return f"{org}#keys"


def api_key(org: str, key_id: str) -> Key:
    return Key(api_keys(org), key_id)


def api_keys_of(org: str, user_id: str) -> str:
    return f"{org}#keys#{user_id}"


def api_key_of(org: str, user_id: str, key_id: str) -> Key:
    return Key(api_keys_of(org, user_id), key_id)


def groups(org: str) -> str:
    return f"{org}#groups"


def group(org: str, group_id: str) -> Key:
    return Key(groups(org), group_id)


def group_name(org: str, name_hash: str) -> Key:
    return Key(f"{org}#group-names", name_hash)


def group_external_id(org: str, external_hash: str) -> Key:
    return Key(f"{org}#group-external-ids", external_hash)


def members(org: str, group_id: str) -> str:
    return f"{org}#members#{group_id}"


def member(org: str, group_id: str, user_id: str) -> Key:
    return Key(members(org, group_id), user_id)


def member_changes(org: str) -> str:
    return f"{org}#member-changes"


def member_change(org: str, group_id: str) -> Key:
    return Key(member_changes(org), group_id)


def used_keys(org: str) -> str:
    return f"{org}#used-keys"


def used_key(org: str, key_id: str) -> Key:
    return Key(used_keys(org), key_id)


def scim_tokens(org: str) -> str:
    return f"{org}#scim-tokens"


def scim_token(org: str, token_id: str) -> Key:
    return Key(scim_tokens(org), token_id)


def subscribers(org: str) -> str:
    return f"{org}#subscribers"


def subscriber(org: str, subscriber_id: str) -> Key:
    return Key(subscribers(org), subscriber_id)


def subscriber_groups(org: str) -> str:
    return f"{org}#subscriber-groups"


def subscriber_group(org: str, group_id: str) -> Key:
    return Key(subscriber_groups(org), group_id)


def subscribers_of(org: str, group_id: str) -> str:
    return f"{org}#subscribers#{group_id}"


def subscriber_of(org: str, group_id: str, subscriber_id: str) -> Key:
    return Key(subscribers_of(org, group_id), subscriber_id)


def subscriber_usage(org: str, subscriber_id: str) -> str:
    return f"{org}#subscriber-usage#{subscriber_id}"


def subscriber_downloads(org: str, subscriber_id: str, day_text: str, repository_id: str) -> Key:
    return Key(subscriber_usage(org, subscriber_id), f"{day_text}#{repository_id}")


def portal_sessions(org: str) -> str:
    return f"{org}#portal"


def portal_session(org: str, session_id: str) -> Key:
    return Key(portal_sessions(org), session_id)


def portal_sessions_of(org: str, user_id: str) -> str:
    return f"{org}#portal#{user_id}"


def portal_session_of(org: str, user_id: str, session_id: str) -> Key:
    return Key(portal_sessions_of(org, user_id), session_id)


def second_factor(org: str, user_id: str) -> Key:
    return Key(f"{org}#second-factors", user_id)


def resets(org: str) -> str:
    return f"{org}#resets"


def reset(org: str, token_hash: str) -> Key:
    return Key(resets(org), token_hash)


def reset_of(org: str, user_id: str) -> Key:
    return Key(f"{org}#reset-of", user_id)


def mails(org: str) -> str:
    return f"{org}#mail"


def mail(org: str, mail_id: str) -> Key:
    return Key(mails(org), mail_id)


def waiting_mail(moment: datetime, mail_id: str) -> Key:
    return Key(MAIL, f"{time(moment)}#{mail_id}")


def seen_of(org: str, user_id: str) -> str:
    return f"{org}#seen#{user_id}"


def seen(org: str, user_id: str, address: str) -> Key:
    return Key(seen_of(org, user_id), address)


def attempts(org: str, moment: datetime, what: str) -> Key:
    return Key(f"{org}#attempts", f"{minute(moment)}#{what}")


def repositories(org: str) -> str:
    return f"{org}#repositories"


@lru_cache(maxsize=4096)
def repository(org: str, name: str) -> Key:
    return Key(repositories(org), name)


def repository_name(org: str, repository_id: str) -> Key:
    return Key(f"{org}#repository-names", repository_id)


def deleted_repositories(org: str) -> str:
    return f"{org}#deleted-repositories"


def retentions(org: str) -> str:
    return f"{org}#retention"


def retention(org: str, repository_id: str) -> Key:
    return Key(retentions(org), repository_id)


def downloads(org: str, repository_id: str) -> str:
    return f"{org}#downloaded#{repository_id}"


def downloaded(org: str, repository_id: str, path: str) -> Key:
    return Key(downloads(org, repository_id), path)


def jobs(org: str) -> str:
    return f"{org}#jobs"


def job(org: str, job_id: str) -> Key:
    return Key(jobs(org), job_id)


def open_jobs(org: str) -> str:
    return f"{org}#open-jobs"


def open_job(org: str, user_id: str, job_id: str) -> Key:
    return Key(open_jobs(org), f"{user_id}/{job_id}")


def waiting_job(moment: datetime, job_id: str) -> Key:
    return Key(JOBS, f"{time(moment)}#{job_id}")


def readers(org: str) -> str:
    return f"{org}#readers"


def reader(org: str, name: str) -> Key:
    return Key(readers(org), name)


def sessions(org: str) -> str:
    return f"{org}#sessions"


def session(org: str, session_id: str) -> Key:
    return Key(sessions(org), session_id)


def open_sessions(org: str) -> str:
    return f"{org}#open-sessions"


def open_session(org: str, user_id: str, session_id: str) -> Key:
    return Key(open_sessions(org), f"{user_id}/{session_id}")


def folder(org: str, repository_id: str, folder: str) -> str:
    return f"{org}#folder#{repository_id}#{folder}"


def folder_of(record: Key) -> str:
    """The folder that a file's or folder's record lies in."""
    return record.partition.split("#", 3)[3]


def artifact(org: str, repository_id: str, folder_path: str, name: str) -> Key:
    return Key(folder(org, repository_id, folder_path), name)


def subfolder(org: str, repository_id: str, folder_path: str, name: str) -> Key:
    return Key(folder(org, repository_id, folder_path), f"{name}/")


def usage(org: str, repository_id: str, stripe_digit: str) -> Key:
    return Key(f"{org}#usage#{repository_id}#{stripe_digit}", "usage")


def organization_usage(org: str, stripe_digit: str) -> Key:
    return Key(f"{org}#usage#{stripe_digit}", "usage")


def quota_warned(org: str, repository_id: str) -> Key:
    return Key(f"{org}#quota-warned", repository_id)


def deleted(org: str, repository_id: str, folder_path: str) -> str:
    return f"{org}#deleted#{repository_id}#{folder_path}"


def due(org: str, moment: datetime, stripe_digit: str) -> str:
    return f"{org}#due#{day(moment)}#{stripe_digit}"


def finding(org: str, repository_id: str, order: str) -> str:
    """The entries of a repository in one of its orders (`app/publishing/entries.py`)."""
    return f"{org}#{order}#{repository_id}"


def found(org: str, repository_id: str, order: str, position: str) -> Key:
    return Key(finding(org, repository_id, order), position)


def revisions(org: str, repository_id: str) -> str:
    return f"{org}#revisions#{repository_id}"


def revision(org: str, repository_id: str, folder_path: str, path: str) -> Key:
    stripe_digit = int(stripe(path), 16) % REVISION_STRIPES
    return Key(revisions(org, repository_id), f"{folder_path}:{stripe_digit}")


def projects(org: str, repository_id: str) -> str:
    return f"{org}#projects#{repository_id}"


def project(org: str, repository_id: str, name: str) -> Key:
    return Key(projects(org, repository_id), name)


def claims(org: str, repository_id: str) -> str:
    return f"{org}#claims#{repository_id}"


def claim(org: str, repository_id: str, identity: str) -> Key:
    return Key(claims(org, repository_id), identity)


def expected(org: str, repository_id: str, path: str) -> Key:
    return Key(f"{org}#expected#{repository_id}", path)


def sent_documents(org: str, repository_id: str) -> str:
    return f"{org}#sent#{repository_id}"


def sent_document(org: str, repository_id: str, path: str, sha256: str) -> Key:
    return Key(sent_documents(org, repository_id), f"{path}/{sha256}")


def blob(org: str, sha256: str) -> Key:
    return Key(f"{org}#blob#{sha256}", "blob")


def blob_bytes(org: str, blob_key: str) -> Key:
    return Key(f"{org}#bytes#{blob_key}", "bytes")


def unreferenced(org: str) -> str:
    return f"{org}#unreferenced"


def made_folders(org: str) -> str:
    return f"{org}#made"


def made(org: str, moment: datetime, repository_id: str, folder_path: str) -> Key:
    return Key(made_folders(org), f"{time(moment)}#{repository_id}#{folder_path}")


def emptied(org: str) -> str:
    return f"{org}#emptied"


def upload(org: str, blob_key: str) -> Key:
    return Key(f"{org}#uploads", blob_key)


def events(org: str, moment: datetime, stripe_digit: str) -> str:
    return f"{org}#events#{hour(moment)}#{stripe_digit}"


def who(org: str, moment: datetime, stripe_digit: str) -> str:
    return f"{org}#who#{hour(moment)}#{stripe_digit}"


def erased(name: str) -> Key:
    return Key(ERASED, name)


def privacy_requests(org: str) -> str:
    return f"{org}#privacy"


def privacy_request(org: str, request_id: str) -> Key:
    return Key(privacy_requests(org), request_id)


def seals(org: str) -> str:
    return f"{org}#seals"


def seal(org: str, minute_text: str) -> Key:
    return Key(seals(org), minute_text)


def seal_head(org: str) -> Key:
    return Key(f"{org}#sealed", "head")


def removed_events(org: str) -> Key:
    return Key(f"{org}#sealed", "removed")


def audit_rule(org: str) -> Key:
    return Key(f"{org}#sealed", "rule")
