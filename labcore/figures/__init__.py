"""One file per experiment: arrays and tables in, plotly figures out."""
