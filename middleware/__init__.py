"""What stands before the routes: every rule that holds for a request whatever it asks for."""
