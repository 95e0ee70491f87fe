"""What the service is measured beside, each set up as its own users would for speed."""
