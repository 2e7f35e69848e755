// Package large has what tables need of the machine that are larger than its caches: memory
// on huge pages, and cache lines that are asked for before they are read.
package large
