module add-header

go 1.24
