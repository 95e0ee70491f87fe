"""What one request to SCIM may ask for; ServiceProviderConfig tells of it."""

#: An answer is not silent for over a minute, and each of these takes a commit or several.
BULK_OPERATIONS = 500
BULK_BYTES = 1024 * 1024
#: Resources that one list looks at, where no index helps.
LOOKED_AT = 100_000
#: Members that one page of groups shows; it ends earlier, but for its first group.
MEMBERS_SHOWN = 50_000
