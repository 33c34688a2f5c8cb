"""`kiribi prove`: the promise, tried on one's own machine against real processes.

Enqueuers and workers share a scratch database. A seed decides who is killed, stopped and started
anew. Each enqueuer notes what was accepted, and each performer every start and end of an attempt,
in a journal that the store knows nothing of. In the end the store has to agree with it.
"""
