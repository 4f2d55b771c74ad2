"""The compiled core: state as columns, queues, moves and one scheduling pass a discipline."""
