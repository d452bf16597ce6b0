"""params.yaml -> one plan for each job.

Nothing is imported here: a stage needs `job` alone, and should not wait for the rest.
"""
