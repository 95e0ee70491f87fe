"""Metadata in one DynamoDB table: the store for many machines.

Its one decision: conditions and counters are DynamoDB's own, so that a commit is one
`TransactWriteItems` without a read before it, and a read is strongly consistent.
"""

from storage.metadata.dynamodb.engine import DynamoDBEngine

__all__ = ["DynamoDBEngine"]
