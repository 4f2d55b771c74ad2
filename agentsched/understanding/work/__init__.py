"""Work in words to a task graph: amounts, clauses, objects, references, and the builder of edges."""
