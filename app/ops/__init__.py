"""For those who run it: health, metrics, and what every request leaves behind (`traffic`)."""
