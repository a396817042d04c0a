import Foundation
import Reactor
import Testing

@testable import Control

@Suite struct FileWatchTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for number in 1...3 { try folder.write("\(number)", "\(number)") }
    }

    /// Three states that differ.
    private func state(_ number: Int) throws -> FileState {
        try #require(FileState(of: "\(folder.path)/\(number)"))
    }

    /// What a watch that has read the files as `first` says of each of the following looks.
    private func observe(_ watch: inout FileWatch, _ looks: [Int?]) throws -> [Bool] {
        try looks.map { number in watch.observe(try number.map { ["a": try state($0)] } ?? [:]) }
    }

    @Test func `files are read again once they have come to rest`() throws {
        var watch = FileWatch()
        try watch.read(["a": state(1)])
        let first = try observe(&watch, [1, 2, 3, 3])
        #expect(first == [false, false, false, true])
        try watch.read(["a": state(3)])
        let second = try observe(&watch, [3, nil, nil])
        #expect(second == [false, false, true], "a file that is gone is a change")
    }

    @Test func `what was changed and changed back is no change`() throws {
        var watch = FileWatch()
        try watch.read(["a": state(1)])
        let found = try observe(&watch, [2, 1, 2])
        #expect(found == [false, false, false])
    }

    @Test func `the swap of a link changes the files behind it`() throws {
        let folder = try TemporaryFolder()
        for version in ["v1", "v2"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/..\(version)", withIntermediateDirectories: false)
            try folder.write("..\(version)/a.yaml", "a: 1")
        }
        // As kubelet mounts a ConfigMap: a.yaml → ..data/a.yaml, and ..data → the folder of a version.
        let data = "\(folder.path)/..data"
        try FileManager.default.createSymbolicLink(atPath: data, withDestinationPath: "..v1")
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder.path)/a.yaml", withDestinationPath: "..data/a.yaml")
        let before = ConfigurationFiles.states(of: [folder.path], and: [])
        #expect(before.count == 1)
        try FileManager.default.removeItem(atPath: data)
        try FileManager.default.createSymbolicLink(atPath: data, withDestinationPath: "..v2")
        let after = ConfigurationFiles.states(of: [folder.path], and: [])
        #expect(after.keys == before.keys && after != before)
    }
}
