"""From Python's types to GraphQL's, and values from one to the other."""
