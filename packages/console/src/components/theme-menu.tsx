// Light, dark, or as the system has it.

import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { DesktopIcon, MoonIcon, SunIcon } from '@patternfly/react-icons';
import { useState } from 'react';
import { chooseTheme, THEMES, useTheme } from '../state/theme';

const SHOWN = {
  system: { text: 'As the system', icon: <DesktopIcon /> },
  light: { text: 'Light', icon: <SunIcon /> },
  dark: { text: 'Dark', icon: <MoonIcon /> },
} as const;

export function ThemeMenu() {
  const theme = useTheme();
  const [isOpen, setOpen] = useState(false);
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'end' }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          variant="plain"
          aria-label={`Theme: ${SHOWN[theme].text}`}
          isExpanded={isOpen}
          onClick={() => setOpen(!isOpen)}
          icon={SHOWN[theme].icon}
        />
      )}
    >
      <DropdownList>
        {THEMES.map((one) => (
          <DropdownItem
            key={one}
            icon={SHOWN[one].icon}
            isSelected={one === theme}
            onClick={() => chooseTheme(one)}
          >
            {SHOWN[one].text}
          </DropdownItem>
        ))}
      </DropdownList>
    </Dropdown>
  );
}
