"""From a request to a schedule in whole numbers: formulation, list schedules, CP-SAT."""
