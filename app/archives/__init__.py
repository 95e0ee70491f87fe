"""Reading in zips and tars, whatever format they are of, within bounds."""
