"""What is computed: pure stages, arrays in and arrays out."""
