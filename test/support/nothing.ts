// A program that does nothing: its cost is that of the runtime.
