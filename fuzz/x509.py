"""Whatever the bytes of a certificate, out come its facts or a `ValueError`, in no more than its size.

And no more names than bytes, each of them ASCII in lower case.
"""
