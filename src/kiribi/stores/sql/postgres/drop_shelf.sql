-- Take an empty shelf away, unless somebody is in the way. $2: its number
SELECT kiribi.drop_shelf($2)
