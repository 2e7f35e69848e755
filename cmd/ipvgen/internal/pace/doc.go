// Package pace says how fast packets leave: rates as a user writes them, what a
// line can carry, and a bucket that tells at each moment how many packets are
// due.
package pace
