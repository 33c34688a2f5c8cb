-- Make a shelf for jobs that end. $2: its number
SELECT kiribi.make_shelf($2)
