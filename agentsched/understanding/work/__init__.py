"""Work in words to a task graph: amounts, clauses, objects, references, builder of edges."""
