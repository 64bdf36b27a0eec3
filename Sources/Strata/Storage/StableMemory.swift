/// Elements with numbers from 0 up, which stay where they are while others are added.
///
/// They lie in segments, each as large as all before it together. So to grow copies nothing and
/// needs no memory for the time of copying, and what is not used of the last segment was never
/// touched, which takes no memory either.
struct StableMemory<Element: BitwiseCopyable>: ~Copyable {
    /// The size of the first segment, as a power of two.
    private static var firstShift: Int { 8 }

    /// How many segments there can be: as many as all numbers need.
    private static var maximumSegments: Int { UInt32.bitWidth - firstShift }

    private let segments: UnsafeMutablePointer<UnsafeMutablePointer<Element>>
    private var segmentCount = 0
    private(set) var count: UInt32 = 0

    init() { segments = .allocate(capacity: Self.maximumSegments) }

    deinit {
        for segment in 0..<segmentCount { segments[segment].deallocate() }
        segments.deallocate()
    }

    /// Where the element is.
    ///
    /// - Precondition: the number is below ``count``, which only a build for debugging checks.
    subscript(index: UInt32) -> UnsafeMutablePointer<Element> {
        assert(index < count, "There is no element \(index)")
        // The segment is where the highest bit stands in a number that counts as if another
        // segment as large as the first one lay before it.
        let number = index &+ 1 << UInt32(Self.firstShift)
        let highest = UInt32.bitWidth - 1 - number.leadingZeroBitCount
        let offset = number ^ (1 as UInt32) &<< UInt32(highest)
        return segments[highest &- Self.firstShift] + Int(offset)
    }

    /// Adds an element behind the others.
    mutating func append(_ element: Element) {
        if Int(count) + 1 << Self.firstShift == 1 << (segmentCount + Self.firstShift) {
            precondition(segmentCount < Self.maximumSegments, "There are no more numbers")
            let size = 1 << (segmentCount + Self.firstShift)
            // Elements of half a cache line never lie in two.
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: size * MemoryLayout<Element>.stride, alignment: 64)
            segments[segmentCount] = memory.bindMemory(to: Element.self, capacity: size)
            segmentCount += 1
        }
        count += 1
        self[count - 1].initialize(to: element)
    }
}
