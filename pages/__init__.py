"""One file per page: widgets to spec, run to figures. No torch, no maths."""
