/** The number of the name that stands there (addresses); -1 where there is no room for more. */
export declare function internName(from: usize, to: usize): i32;

/** Whether the ordinary reader agreed on a value at the edge of a class. */
export declare function isEdgeTrusted(place: i32, value: u32): bool;
