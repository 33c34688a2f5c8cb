-- Forget what has not gone wrong any more since a time. ?2: that time
DELETE FROM failure WHERE last_ms < ?2
