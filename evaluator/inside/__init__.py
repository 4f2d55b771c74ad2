"""What runs inside the sandbox: standard library only, loaded by path, never by import."""
