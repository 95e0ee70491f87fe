"""What one request to SCIM may ask for; ServiceProviderConfig tells of it."""

BULK_OPERATIONS = 500
#: No answer is silent for over a minute: after this no further operation is begun.
BULK_SECONDS = 40.0
BULK_BYTES = 1024 * 1024
#: Resources that one list looks at, where no index helps.
LOOKED_AT = 100_000
#: Values that the filter of one list is compared with: some ten seconds' worth.
COMPARED = 5_000_000
#: Members that one page of groups shows; it ends earlier, but for its first group.
MEMBERS_SHOWN = 50_000
#: Groups that one page shows with their members: each costs three reads.
GROUPS_WITH_MEMBERS = 200
#: Of a group, in one message.
MOST_MEMBERS = 20_000
