package keyring

import (
	"io/fs"
	"unsafe"

	"golang.org/x/sys/windows"
)

// isPrivate reports true: on Windows, modes tell nothing. See othersMayRead.
func isPrivate(fs.FileInfo) bool { return true }

// othersMayRead reports whether a file has no access control list, or one that lets others read it than this user, the system and the
// administrators of this computer.
func othersMayRead(path string) bool {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return true
	}
	list, _, err := sd.DACL()
	if err != nil || list == nil {
		return true
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return true
	}
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return true
		}
		const read = windows.FILE_READ_DATA | windows.GENERIC_READ | windows.GENERIC_ALL
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || ace.Mask&read == 0 || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		if !sid.Equals(user.User.Sid) && !sid.IsWellKnown(windows.WinLocalSystemSid) && !sid.IsWellKnown(windows.WinBuiltinAdministratorsSid) &&
			!sid.IsWellKnown(windows.WinCreatorOwnerRightsSid) {
			return true
		}
	}
	return false
}
