"""Delivery: logs in, viewers out, over HTTP/1.1 from one epoll loop a process."""
