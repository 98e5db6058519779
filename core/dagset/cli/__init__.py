"""The `dagset` command. Text for people goes to stderr; stdout holds pod lines, or with `-o json` one JSON value."""
