"""How fast one project is searched, and how surely, with a hundred of them in one table; beside the peers' stores."""
