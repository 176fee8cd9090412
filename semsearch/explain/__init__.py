"""What a network looks at: why two pictures are similar, and what each channel of a layer looks for."""
