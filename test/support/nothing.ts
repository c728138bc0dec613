// A program that does nothing: what it takes is what the runtime takes.
