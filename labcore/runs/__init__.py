"""Store, artifacts, engine, job, tail, stream, bundles: everything that keeps a run."""
