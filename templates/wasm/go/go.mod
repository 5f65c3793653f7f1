module example.com/add-header

go 1.24
