"""One module a revision; numbers ascend."""
