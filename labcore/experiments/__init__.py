"""One file per experiment: `run(spec, job)`. The only room that puts data, models and training together."""
