package main

import "context"

func tour(ctx context.Context, bin string) error { return nil }
