package kind

// tap is an interface of the kernel, for network namespaces.
func tap() Kind {
	return Kind{Name: "tap", Short: "an interface of the kernel, for a network namespace (the default)",
		check: func(Options) error { return nil }}
}
