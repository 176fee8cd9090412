"""Scripts that other components begin with: a plot of Plotly's under fingers, wheel and keys, with pictures over it."""
