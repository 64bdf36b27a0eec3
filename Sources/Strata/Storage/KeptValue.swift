/// A value of any type in one word: itself where that is large enough, as for references and
/// arrays, else a reference to a box. It is counted as one reference by whoever holds it, and has
/// to be let go once.
struct KeptValue: BitwiseCopyable {
    private let word: UInt64

    /// Takes a value in.
    init<Value: StoreValue>(_ value: Value) {
        var word: UInt64 = 0
        withUnsafeMutablePointer(to: &word) { word in
            let memory = UnsafeMutableRawPointer(word)
            if Self.isOneWord(Value.self) {
                memory.initializeMemory(as: Value.self, to: value)
            } else {
                memory.initializeMemory(as: ValueBox<Value>.self, to: ValueBox(value))
            }
        }
        self.word = word
    }

    /// The value.
    ///
    /// - Precondition: it is of that type.
    func value<Value: StoreValue>(as type: Value.Type) -> Value {
        withUnsafePointer(to: word) { word in
            let memory = UnsafeRawPointer(word)
            return Self.isOneWord(type)
                ? memory.load(as: type) : memory.load(as: ValueBox<Value>.self).value
        }
    }

    /// Lets the value go.
    ///
    /// - Precondition: it is of that type, and not used through this or a copy of this any more.
    func letGo<Value: StoreValue>(as type: Value.Type) {
        var word = word
        withUnsafeMutablePointer(to: &word) { word in
            let memory = UnsafeMutableRawPointer(word)
            if Self.isOneWord(type) {
                memory.assumingMemoryBound(to: type).deinitialize(count: 1)
            } else {
                memory.assumingMemoryBound(to: ValueBox<Value>.self).deinitialize(count: 1)
            }
        }
    }

    /// Whether a value of that type is kept without a box: where its bytes may be moved about.
    ///
    /// `BitwiseCopyable` says too little: that is only what holds no reference. Nothing public
    /// says of arrays and of enumerations of objects that they may be moved, and in boxes each
    /// would take an allocation more. The function is compiled into whoever calls it. So a
    /// standard library without it is an error of compilation, and never one at run time.
    private static func isOneWord<Value>(_ type: Value.Type) -> Bool {
        MemoryLayout<Value>.size <= MemoryLayout<UInt64>.size
            && MemoryLayout<Value>.alignment <= MemoryLayout<UInt64>.alignment
            && _isBitwiseTakable(type)
    }
}

private final class ValueBox<Value: StoreValue> {
    let value: Value

    init(_ value: Value) { self.value = value }
}

/// The types of the values that a store keeps, by numbers of one byte.
struct ValueKinds {
    private var types: [any StoreValue.Type] = []

    /// The number of the type, which is given one if it has none; nil where there is none left.
    mutating func number(of type: any StoreValue.Type) -> UInt8? {
        if let known = types.firstIndex(where: { $0 == type }) { return UInt8(known) }
        guard types.count <= UInt8.max else { return nil }
        types.append(type)
        return UInt8(types.count - 1)
    }

    /// The type with that number.
    subscript(number: UInt8) -> any StoreValue.Type { types[Int(number)] }
}
