-- Remove all jobs of a shelf at once; how many, and those that others wait for: see the function.
-- $2: its number
SELECT emptied, awaited FROM kiribi.empty_shelf($2, $1)
