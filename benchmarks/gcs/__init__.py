"""The cache in Google Cloud Storage, against a real server of its protocol on this machine:
`python -m benchmarks.gcs.transfer`.
"""
