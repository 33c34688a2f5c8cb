-- Forget a worker all of whose jobs have been settled: nobody looks. ?2: id
DELETE FROM worker WHERE id = ?2
