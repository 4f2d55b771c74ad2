"""From a task graph to a checked plan: hints, inventory, solver, checker, packing."""
