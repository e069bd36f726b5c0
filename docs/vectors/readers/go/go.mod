module example.org/teemu-vectors

go 1.21
